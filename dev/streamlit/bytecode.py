# The first part of sdev's start-up file, see bytecode.go: a cache of bytecode for images that hold none. Images that
# uv built, or whose base image was stripped, compile every module again at every start.
#
# SDEV_BYTECODE names a directory outside the image and the project. The bytecode of installed packages and of the
# standard library is kept there, each user's below a directory of that user's own. Modules of the project are neither
# read from there nor written: Python treats them as it would without this file, and PYTHONDONTWRITEBYTECODE stays as
# it is. Bytecode that is in the image, and fits its source, is used instead.
#
# Python compares a kept file with a hash of its source at every import (PEP 552), not with the source's time and size:
# times in images may all be the same. A checksum at the end reveals a file that was cut off.

import os
import sys


def _keep_bytecode(base):
    import _imp
    import _frozen_importlib_external as external

    loader = external.SourceFileLoader
    if sys.pycache_prefix is not None or not hasattr(external, "_code_to_hash_pyc"):
        return  # the environment has a place of its own; or Python is older than 3.7
    key = getattr(external, "_RAW_MAGIC_NUMBER", None)
    if key is None:
        key = _imp.pyc_magic_number_token  # since Python 3.14
    own = base + "/" + str(os.getuid())
    try:
        try:
            os.mkdir(own, 0o700)
        except FileExistsError:
            pass
        place = os.lstat(own)
        if place.st_uid != os.getuid() or place.st_mode & 0o170000 != 0o040000:
            return  # another user's bytecode, or a link to anywhere
    except OSError:
        return
    library = os.path.dirname(os.__file__) + "/"
    read, translate = loader.get_data, loader.source_to_code

    def is_installed(path):
        return path.startswith("/") and ("/site-packages/" in path or "/dist-packages/" in path or path.startswith(library))

    def fits(self, data):
        """Return whether bytecode in the image fits its source, as far as time and size say. Hashes are Python's matter."""
        if len(data) < 16 or data[4:8] != b"\0\0\0\0":
            return True
        source = self.path_stats(self.path)
        stored = int.from_bytes(data[8:12], "little"), int.from_bytes(data[12:16], "little")
        return stored == (int(source["mtime"]) & 0xFFFFFFFF, source["size"] & 0xFFFFFFFF)

    def kept(self, path):
        """Return the kept bytecode, which Python compares with its source; None if there is none."""
        self.sdev_path = self.path  # what Python compiles now is worth keeping; programs that compile by themselves ask nothing
        try:
            data = read(self, own + path)
        except OSError:
            return None
        return data[:-8] if _imp.source_hash(key, data[:-8]) == data[-8:] else None

    def get_data(self, path):
        if not path.endswith(".pyc") or not is_installed(path):
            return read(self, path)
        try:
            data = read(self, path)
        except OSError:
            data = kept(self, path)
            if data is None:
                raise
            return data
        return data if fits(self, data) else kept(self, path) or data

    def source_to_code(self, data, path, *args, **kwargs):
        code = translate(self, data, path, *args, **kwargs)
        try:
            if getattr(self, "sdev_path", None) == path and isinstance(data, bytes):
                keep(own + external.cache_from_source(path), external._code_to_hash_pyc(code, _imp.source_hash(key, data)))
        except (AttributeError, NotImplementedError, OSError, TypeError, ValueError):
            pass  # it saves time only
        return code

    def keep(target, data):
        data += _imp.source_hash(key, bytes(data))
        try:
            external._write_atomic(target, data, 0o600)  # two programs may write at once
        except FileNotFoundError:
            os.makedirs(os.path.dirname(target), 0o700, exist_ok=True)
            external._write_atomic(target, data, 0o600)

    loader.get_data, loader.source_to_code = get_data, source_to_code


if os.environ.get("SDEV_BYTECODE", "").startswith("/"):
    _keep_bytecode(os.environ["SDEV_BYTECODE"])

