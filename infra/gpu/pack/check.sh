#!/bin/bash
# Checks the backend webgpu on a Linux machine with a GPU that needs neither Node nor a network: bash check.sh
# Needs python3, for xz; with PyTorch, its speed on the same GPU is measured, too. WORK is the folder to unpack to (default: /tmp/catwalk-gpu).
# TRY=1 only tries the pack, on a driver in software.
set -e
pack=$(dirname "$(realpath "$0")")
work=${WORK:-/tmp/catwalk-gpu}
dawn=build/webgpu/dist/linux-x64
mkdir -p "$work/$dawn" "$work/trainer/backend/webgpu" "$work/data" "$work/lib"
python3 - "$pack" "$work" <<'P'
import concurrent.futures, lzma, shutil, sys
pack, work = sys.argv[1:]
files = {'node': 'node', 'dawn.node': 'build/webgpu/dist/linux-x64/dawn.node', 'check.mjs': 'trainer/backend/webgpu/check.mjs',
         'train-images': 'data/train-images', 'test-images': 'data/test-images'}
def unpack(name):
    with lzma.open(f'{pack}/{name}.xz') as source, open(f'{work}/{files[name]}', 'wb') as target:
        shutil.copyfileobj(source, target, 1 << 20)
with concurrent.futures.ThreadPoolExecutor(4) as threads:
    list(threads.map(unpack, files))
P
chmod +x "$work/node"
cp "$pack"/webgpu/* "$work/build/webgpu/"
cp "$pack"/train-labels "$pack"/test-labels "$pack"/wasm-losses.json "$work/data/"
# The Vulkan loader, and the libraries of X11 that NVIDIA's driver loads, if the machine lacks them.
has() { ldconfig -p | grep -q "$1"; }
for package in "$pack"/debs/*.deb; do
  case $(basename "$package") in
    libvulkan1_*) has libvulkan.so.1 || dpkg -x "$package" "$work/lib" ;;
    *.deb) has libX11.so.6 || dpkg -x "$package" "$work/lib" ;;
  esac
done
export LD_LIBRARY_PATH=$work/lib/usr/lib/x86_64-linux-gnu${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
# Some hosts mount NVIDIA's driver there, where the loader does not look.
mounted=/usr/local/nvidia/share/vulkan/icd.d/nvidia_icd.json
if [ -z "$VK_DRIVER_FILES" ] && [ -f $mounted ]; then export VK_DRIVER_FILES=$mounted; fi
echo "Unpacked in $SECONDS s"
code=0
timeout 200 "$work/node" "$work/trainer/backend/webgpu/check.mjs" "$work/data" || code=$?
if [ -z "$TRY" ]; then timeout 90 python3 "$pack/baseline.py" || echo "PyTorch was not measured."; fi
echo "All in $SECONDS s"
exit $code
