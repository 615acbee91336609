#!/usr/bin/env bash
# The demo's weights from nothing, on a CPU: two and a half hours of two cores, less than two for training; 34 GB in
# FOLDER. Weights: FOLDER/fusion/ckpt.pt. Stopped or killed, it goes on where it was. Needs rtgs2-train (pip install '.[train]').
#   training/demo_weights.sh FOLDER
set -euo pipefail
folder=${1:?"usage: training/demo_weights.sh FOLDER"}
configs=$(dirname "$0")/configs
rooms=$folder/rooms

rtgs2-train generate --scenes 560 --validation 10 --test 30 --views 10 --gaussians 300000 --photographed 0.4 -o "$rooms"
rtgs2-train encoder "$configs/encoder-tiny.yaml" --data "$rooms" -o "$folder/encoder"
rtgs2-train tune "$configs/tune-tiny.yaml" --data "$rooms" --encoder "$folder/encoder" -o "$folder/tuned"
rtgs2-train fusion "$configs/fusion-tiny-half-size.yaml" --data "$rooms" --encoder "$folder/tuned" -o "$folder/half-size"
rtgs2-train fusion "$configs/fusion-tiny.yaml" --data "$rooms" --init "$folder/half-size" -o "$folder/fusion"
rtgs2-train evaluate "$folder/fusion/ckpt.pt" "$rooms"
