# rtgs2-trt on a Jetson with JetPack 6.1 or 6.2; see docs/jetson.md. Build it on the board, from the repository's root.
# Not built by us yet. For JetPack 7 give an image of that release that has CUDA and TensorRT.
ARG BASE=nvcr.io/nvidia/l4t-jetpack:r36.4.0
FROM ${BASE}

RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-venv python3-dev python3-libnvinfer libnvinfer-headers-dev \
    && rm -rf /var/lib/apt/lists/*
ENV PATH=/opt/rtgs2/bin:/usr/local/cuda/bin:$PATH
# Ubuntu 22.04's pip 22.0 has no -C.
RUN python3 -m venv --system-site-packages /opt/rtgs2 && pip install --no-cache-dir --upgrade pip

COPY CMakeLists.txt LICENSE README.md pyproject.toml /source/
COPY cmake /source/cmake
COPY csrc /source/csrc
COPY rtgs2_trt /source/rtgs2_trt
COPY networks /source/networks
COPY export /source/export
COPY training /source/training
# What is missing is an error here: the image is for nothing else. There is no GPU while an image is built, so the
# architectures are named: Orin.
ARG ARCHITECTURES=87
RUN pip install --no-cache-dir /source -C cmake.define.RTGS2_CUDA=ON -C cmake.define.RTGS2_TENSORRT=ON \
    -C "cmake.define.CMAKE_CUDA_ARCHITECTURES=${ARCHITECTURES}"

CMD ["rtgs2", "doctor"]
