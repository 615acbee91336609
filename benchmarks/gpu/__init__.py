"""What ``benchmarks/gpu.sh`` runs: measurements of the CUDA backend and the floors that devices' figures give."""
