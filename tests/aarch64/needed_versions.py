"""Says which versions of the system's libraries a compiled module needs, and fails if Ubuntu 22.04 has older ones."""

from __future__ import annotations

import re
import subprocess
import sys

UBUNTU_22_04 = {"GLIBC": (2, 35), "GLIBCXX": (3, 4, 30), "CXXABI": (1, 3, 13), "GCC": (12, 0)}


def main() -> int:
    """Look at the module that the command line names."""
    text = subprocess.run(["readelf", "-V", sys.argv[1]], capture_output=True, text=True, check=True).stdout
    needed: dict[str, tuple[int, ...]] = {}
    for name, version in re.findall(r"\b([A-Z]+)_(\d+(?:\.\d+)*)\b", text):
        if name in UBUNTU_22_04:
            needed[name] = max(needed.get(name, ()), tuple(map(int, version.split("."))))
    if "GLIBC" not in needed:
        sys.exit(f"{sys.argv[1]}: readelf tells no version of glibc:\n{text}")
    for name, found in sorted(needed.items()):
        print(f"needs {name} {'.'.join(map(str, found))}, Ubuntu 22.04 has {'.'.join(map(str, UBUNTU_22_04[name]))}")
    return int(any(found > UBUNTU_22_04[name] for name, found in needed.items()))


if __name__ == "__main__":
    sys.exit(main())
