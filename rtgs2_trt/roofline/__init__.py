"""The least time that a frame can take on a GPU, by its maker's figures: what ``rtgs2 estimate`` prints.

Bytes and operations of each stage are counted and held against the device's bandwidth and arithmetic. Kernels reach a
part of that, so a frame takes longer than its floor; nothing here is measured on any device.
"""

from .devices import DEVICES, Device, device_of
from .floors import Stage, floors, stages
from .network_cost import Cost, Network
from .workload import Workload, count_work

__all__ = ["DEVICES", "Cost", "Device", "Network", "Stage", "Workload", "count_work", "device_of", "floors", "stages"]
