"""TensorRT: engines of a bundle's frame graph, and what they take."""
