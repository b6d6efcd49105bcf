#!/bin/sh
# Trains on a folder of pictures, then predicts a picture: sh run.sh <folder> <picture>
set -eu

npx catwalk train --dataset "$1" --epochs "${EPOCHS:-10}" --batch-size 16
npx catwalk predict "$2"                        # with the newest run
