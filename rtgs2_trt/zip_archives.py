"""What Python raises where a ZIP archive of others is damaged."""

import zipfile
import zlib

UNREADABLE = (zipfile.BadZipFile, OSError, ValueError, NotImplementedError)
"""On opening an archive and listing its members. NotImplementedError: a version that Python does not know."""

DAMAGED = (*UNREADABLE, zlib.error, EOFError, RuntimeError)
"""On reading a member. RuntimeError: it is encrypted; NotImplementedError: an unknown compression."""
