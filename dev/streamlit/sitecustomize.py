"""Start-up file of sdev, mounted for development only; nothing of it ships.

Python imports the first module of this name on its path at every start. This one keeps folders out
of Streamlit's list of files to watch: a package without __init__.py is known to Python as a folder,
and a watched folder makes every save in it slow and every file below it a reason to run again. Then
it hands over to the next module of this name, so that nothing that was there before goes missing.

It imports nothing that Python has not loaded by itself, and where Streamlit is absent, or not as
expected, it changes nothing and says nothing.
"""

import os
import sys
from _frozen_importlib import module_from_spec
from _frozen_importlib_external import PathFinder


class _Hook:
    """A finder that takes part in one import only, that of Streamlit's watcher of sources."""

    name = "streamlit.watcher.local_sources_watcher"

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name != cls.name:
            return None
        spec = PathFinder.find_spec(name, path, target)
        try:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                _without_folders(module)

            spec.loader.exec_module = exec_module
        except AttributeError:
            pass
        return spec


def _without_folders(module):
    """Make the module's get_module_paths give files only."""
    paths_of = getattr(module, "get_module_paths", None)
    if not callable(paths_of):
        return

    def get_module_paths(of):
        paths = paths_of(of)
        try:
            return {path for path in paths if not os.path.isdir(path)}
        except TypeError:
            return paths

    module.get_module_paths = get_module_paths


def _next():
    """Run the module of this name that would have been imported without this file."""
    here = os.path.dirname(os.path.abspath(__file__))
    rest = [entry for entry in sys.path if os.path.abspath(entry) != here]
    spec = PathFinder.find_spec(__name__, rest)
    if spec is None or spec.origin is None:
        return
    module = module_from_spec(spec)
    sys.modules[__name__] = module
    spec.loader.exec_module(module)


sys.meta_path.insert(0, _Hook)
_next()
