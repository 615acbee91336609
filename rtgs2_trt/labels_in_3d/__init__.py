"""A class for every Gaussian: fused from views, drawn again, kept in files."""

from rtgs2_trt.labels_in_3d.gaussian_labels import GaussianLabels
from rtgs2_trt.labels_in_3d.label_fusion import LabelFusion, label_gaussians
from rtgs2_trt.labels_in_3d.labelled_ply import load_labelled, save_labelled

__all__ = ["GaussianLabels", "LabelFusion", "label_gaussians", "load_labelled", "save_labelled"]
