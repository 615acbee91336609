"""Draw a view here, have a Triton server label it, and say what is seen.

    pip install 'tritonclient[http]'
    rtgs2-export ckpt.pt -o model.rtgs2 --triton models
    tritonserver --model-repository models
    python examples/triton_client.py BUNDLE SCENE [URL [MODEL]]

URL is 127.0.0.1:8000 and MODEL the bundle's name with _fusion if they are not given. With _fusion_fp16 it is the
FP16 network, if the bundle has one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import triton_to_np_dtype

from rtgs2_trt import Camera, Scene, Segmenter, rasterize, upsample_argmax


def fuse(client: triton.InferenceServerClient, model: str, scene: Scene, camera: Camera) -> np.ndarray:
    """Return logits (1, C, H / 4, W / 4) of a view that is drawn here; its sides are made up to multiples of 32.

    float32, whatever the model computes with.
    """
    kinds = {tensor["name"]: tensor["datatype"] for tensor in client.get_model_metadata(model)["inputs"]}
    drawn = rasterize(scene, camera.padded(32))
    inputs = []
    for name, values in (("image", drawn.rgb[None]), ("features", drawn.features[None])):
        tensor = triton.InferInput(name, values.shape, kinds[name])
        tensor.set_data_from_numpy(np.ascontiguousarray(values, triton_to_np_dtype(kinds[name])))
        inputs.append(tensor)
    return client.infer(model, inputs).as_numpy("logits").astype(np.float32)


def main() -> int:
    """Label one view."""
    if not 3 <= len(sys.argv) <= 5:
        print(__doc__, file=sys.stderr)
        return 2
    bundle, scene_file = sys.argv[1:3]
    url = sys.argv[3] if len(sys.argv) > 3 else "127.0.0.1:8000"
    model = sys.argv[4] if len(sys.argv) > 4 else f"{Path(bundle).name.removesuffix('.rtgs2')}_fusion"
    client = triton.InferenceServerClient(url)
    names = json.loads(client.get_model_config(model)["parameters"]["rtgs2_classes"]["string_value"])
    scene = Segmenter(bundle).load(scene_file)  # the encoder runs here, once
    camera = Camera.look_at(eye=(6.8, 1.4, 1.6), target=(4.8, 4.0, 0.9), width=320, height=240, fov_degrees=75)
    logits = fuse(client, model, scene, camera)
    labels, _ = upsample_argmax(logits[0], camera.height, camera.width)
    for index, pixels in enumerate(np.bincount(labels.ravel(), minlength=len(names))):
        if pixels:
            print(f"{names[index]['name']:>20}: {pixels / labels.size:6.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
