#include "rasterize/device_scene.cu"
