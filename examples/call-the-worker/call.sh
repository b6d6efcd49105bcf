#!/bin/sh
# Calls a Worker with curl. --fail-with-body prints the problem and ends the script.
set -eu
url=${CATWALK_URL:-http://localhost:8787}
call() { curl --silent --show-error --fail-with-body ${CATWALK_TOKEN:+--header "Authorization: Bearer $CATWALK_TOKEN"} "$@"; }

call "$url/predict?index=0"
echo
call "$url/images/0.png" | call --data-binary @- --header 'Content-Type: image/png' "$url/predict"
echo
