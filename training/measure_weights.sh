#!/usr/bin/env bash
# Most of what docs/training-results.md quotes of a checkpoint: rooms in FOLDER, results in a folder of each checkpoint's own in there.
# CAPTURE, a data set made by benchmarks/captured_flat, is measured too where it is given. Stopped, it goes on where it was;
# where rooms, labels or cameras changed, it measures again (Gaussians of a capture are not looked at).
# Needs rtgs2-train, rtgs2-export and python of one environment on the path.
#   training/measure_weights.sh CKPT FOLDER [CAPTURE]
set -euo pipefail
usage="usage: training/measure_weights.sh CKPT FOLDER [CAPTURE]"
checkpoint=${1:?$usage}
folder=${2:?$usage}
capture=${3:-}
results=$folder/$(sha256sum "$checkpoint" | cut -c 1-12)

# rooms NAME OPTIONS...: a data set of test rooms alone.
rooms() {
  local name=$1
  shift
  rtgs2-train generate -o "$folder/$name" "$@"
}

# measure RESULT MODEL DATASET OPTIONS...: one line, and the whole evaluation beside the other results.
measure() {
  local result=$results/$1 model=$2 data=$3
  shift 3
  local truth
  truth=$({ cat "$data"/{.,*}/{dataset.json,cameras.json,semantic*/*.png} 2> /dev/null || true; } | sha256sum)
  if [ "$(cat "$result/truth.sha256" 2> /dev/null)" != "$truth" ]; then  # not measured, or on other rooms or labels
    rtgs2-train evaluate "$model" "$data" "$@" -o "$result" --json > /dev/null
    echo "$truth" > "$result/truth.sha256"
  fi
  python -c '
import json, statistics, sys
found = json.load(open(sys.argv[2] + "/evaluation.json"))
print("{:<24} mIoU {miou:.4f}, pixels {pixel_accuracy:.4f}, {views} views".format(sys.argv[1], **found), end="")
if found["view_consistency"] is not None:
    print(", consistency {view_consistency:.3f}".format(**found), end="")
by_scene = [value for value in found["miou_by_scene"].values() if value is not None]
print(f", by scene {min(by_scene):.2f} to {max(by_scene):.2f}, median {statistics.median(by_scene):.3f}")
' "${result#"$results"/}" "$result"
}

mkdir -p "$results"
rooms test --scenes 30 --test 30 --views 10 --gaussians 300000
[ -e "$results/model.rtgs2" ] || rtgs2-export "$checkpoint" -o "$results/model.rtgs2" --image-size 320x240 --quiet
measure checkpoint "$checkpoint" "$folder/test"
measure bundle "$results/model.rtgs2" "$folder/test"
for inputs in fusion features colour; do
  measure "$inputs" "$checkpoint" "$folder/test" --inputs "$inputs" --max-views 4
done
rooms photographed --scenes 30 --test 30 --views 10 --gaussians 300000 --photographed 1
measure photographed "$results/model.rtgs2" "$folder/photographed"
if [ -n "$capture" ]; then
  of_capture=capture-$(realpath -m "$capture" | sha256sum | cut -c 1-8)  # of each capture its own results
  for inputs in fusion features colour; do
    measure "$of_capture/$inputs" "$checkpoint" "$capture" --inputs "$inputs"
  done
fi
rooms like-demo --scenes 60 --test 60 --seed 9 --views 8 --imperfections 0.4
measure like-demo "$results/model.rtgs2" "$folder/like-demo"
