"""Start-up file of sdev, mounted during development only; it is not part of what ships.

Python imports the first module of this name on its path whenever it starts. This module:

- keeps Streamlit from watching the directories of packages. A package without __init__.py is a directory to
  Python. If Streamlit watches it, it notices saves slowly, and runs the script again for every file below.
- makes Streamlit watch the directory of a script and not everything below it, which may be thousands of directories,
  and look for saves regularly if the system allows no more watches.
- makes Streamlit notice saves in the first moments of a tab: see saves.py, which is put before this.
- makes the app listen where the gateway expects it: see port.py, which is put before this.
- keeps the variable that bypasses the login unset if SDEV_LOGIN is set.
- loads sdev_identity.py if SDEV_IDENTITY is set: in a mode with a login, it makes the addresses of identity providers
  lead to the local one.
- loads sdev_person.py if SDEV_PERSON is set: it gives st.user a person while the login is bypassed.
- keeps the bytecode of installed packages in the directory SDEV_BYTECODE: see bytecode.py, which is put before this.
- imports the next module of this name, so that it hides nothing.

It imports only what Python has loaded already. Without Streamlit, or with an unknown version of it, it silently
changes nothing.
"""

import os
import sys
from _frozen_importlib import module_from_spec
from _frozen_importlib_external import PathFinder, SourceFileLoader


class _Hook:
    """A finder that changes a few modules right after their import, and leaves all others alone."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        change = _CHANGES.get(name)
        if change is None:
            return None
        spec = PathFinder.find_spec(name, path, target)
        try:
            execute = spec.loader.exec_module

            def exec_module(module):
                execute(module)
                change(module)

            spec.loader.exec_module = exec_module
        except AttributeError:
            pass
        return spec


class _Unwatched:
    """A watcher that reports nothing, for the directory of a package."""

    def close(self):
        pass


def _without_directories(module):
    """Make Streamlit's watcher list the directory of a package without watching it.

    A save unloads what is listed. A package that stayed loaded while the one around it is unloaded could not be
    imported again (KeyError).
    """
    sources = getattr(module, "LocalSourcesWatcher", None)
    register = getattr(sources, "_register_watcher", None)
    watched = getattr(module, "WatchedModule", None)
    if not callable(register) or not callable(watched):
        return

    def _register_watcher(self, filepath, module_name, *args, **kwargs):
        listed = getattr(self, "_watched_modules", None)
        # Without a module, it is a directory that Streamlit's settings name.
        if listed is None or module_name is None or not os.path.isdir(filepath):
            return register(self, filepath, module_name, *args, **kwargs)
        listed[filepath] = watched(watcher=_Unwatched(), module_name=module_name)

    sources._register_watcher = _register_watcher


def _watch_less(module):
    """Make Streamlit watch the directories of files without those below them.

    To watch one file, Streamlit watches every directory below the file's. That takes as many watches, and since
    version 7 watchdog stops reporting if there are some thousand: reading the directories raises more events than the
    kernel's queue holds, and whenever it overflows, watchdog reads them all again.
    """
    system = getattr(module, "Observer", None)
    watcher = getattr(module, "_MultiPathWatcher", None)
    watch_path = getattr(watcher, "watch_path", None)
    if not callable(system) or not callable(watch_path):
        return
    import threading
    from watchdog import events

    asked = threading.local()  # whether the path that this thread asks to watch is a directory
    relevant = [
        getattr(events, kind + event)
        for kind in ("File", "Dir")
        for event in ("CreatedEvent", "DeletedEvent", "ModifiedEvent", "MovedEvent")
    ]

    class Observer:
        """An observer that uses the system's events and, for what the system refuses to watch, compares."""

        def __init__(self):
            self._polling = None
            try:
                self._system = system()
            except OSError as refusal:
                self._system = None
                self._poll(refusal)

        def _poll(self, refusal):
            if self._polling is None:
                from watchdog.observers.polling import PollingObserver

                sys.stderr.write(
                    f"sdev: the system allows this user no more file watches ({refusal}); Streamlit notices saves up to a second later. "
                    "Fix: sudo sysctl fs.inotify.max_user_watches=524288 fs.inotify.max_user_instances=1024\n"
                )
                sys.stderr.flush()
                self._polling = PollingObserver()
                self._polling.start()
            return self._polling

        def start(self):
            if self._system is not None:
                self._system.start()

        def schedule(self, handler, path, recursive=False, **options):
            recursive = recursive and getattr(asked, "directory", True)
            try:
                if self._system is not None:
                    return self._on(self._system, handler, path, recursive, options)
            except FileNotFoundError:
                raise
            except OSError as refusal:
                self._poll(refusal)
            return self._on(self._poll(None), handler, path, recursive, options)

        @staticmethod
        def _on(observer, handler, path, recursive, options):
            try:
                return observer.schedule(handler, path, recursive=recursive, event_filter=relevant, **options)
            except TypeError:  # an old version has no filter
                return observer.schedule(handler, path, recursive=recursive, **options)

        def unschedule(self, watch):
            for observer in self._both():
                try:
                    return observer.unschedule(watch)
                except KeyError:  # the other one has it
                    pass

        def unschedule_all(self):
            for observer in self._both():
                observer.unschedule_all()

        def stop(self):
            for observer in self._both():
                observer.stop()

        def join(self, timeout=None):
            for observer in self._both():
                observer.join(timeout)

        def _both(self):
            return [observer for observer in (self._system, self._polling) if observer is not None]

    def watch_one(self, path, *args, **kwargs):
        # Without an extension, a path that does not exist yet may become a directory, such as pages.
        asked.directory = os.path.isdir(path) or not os.path.exists(path) and not os.path.splitext(path)[1]
        watch_path(self, path, *args, **kwargs)
        if not asked.directory:
            return
        with self._lock:
            for folder, handler in self._folder_handlers.items():
                if path in getattr(handler, "_watched_paths", ()) and not getattr(handler.watch, "is_recursive", True):
                    # So far, Streamlit watched only files in this directory.
                    self._observer.unschedule(handler.watch)
                    handler.watch = self._observer.schedule(handler, folder, recursive=True)

    module.Observer = Observer
    watcher.watch_path = watch_one


# The variable that bypasses the login, whatever its value. It is written in two parts, so that a search for it in a
# printed model finds only places that set it.
_BYPASS = "LOCAL" + "_STREAMLIT"


def _is_bypass(key):
    """Return whether a key of the environment is the bypass, in any case: some libraries ignore the case."""
    if isinstance(key, bytes):
        key = os.fsdecode(key)
    return isinstance(key, str) and key.upper() == _BYPASS


def _keep_login():
    """Keep the bypass out of this process's environment, and report where it is set.

    The report goes to the log, and into a file in memory that "sdev auth check" reads.
    """
    kind = type(os.environ)  # environb has the same class
    set_item, set_default, put = kind.__setitem__, kind.setdefault, os.putenv
    reported = set()
    try:
        notes = os.memfd_create("sdev-login")
    except (AttributeError, OSError):
        notes = None

    def report(who):
        if who in reported:
            return
        reported.add(who)
        try:
            if notes is not None:
                os.write(notes, (who + "\n").encode(errors="replace"))
            sys.stderr.write(f"sdev: {_BYPASS} would bypass the login and is kept off: set by {who}\n")
            sys.stderr.flush()
        except (AttributeError, OSError, ValueError):
            pass

    def __setitem__(self, key, value):
        if not _is_bypass(key):
            set_item(self, key, value)
        elif value:
            report(_setter())

    def setdefault(self, key, value):
        if not _is_bypass(key):
            return set_default(self, key, value)
        if value:
            report(_setter())
        return value[:0]

    def putenv(key, value):
        if not _is_bypass(key):
            put(key, value)
        elif value:
            report(_setter())

    for key in [key for key in os.environ if _is_bypass(key)]:
        if os.environ[key]:
            report("the environment that Python was started with")
        del os.environ[key]
    kind.__setitem__, kind.setdefault, os.putenv = __setitem__, setdefault, putenv


def _setter():
    """Return the line of the app that sets a variable, or the file that Streamlit reads it from."""
    library = os.path.dirname(os.__file__)
    nearest = ""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        place = f"{file}:{frame.f_lineno}"
        if file.endswith("/streamlit/runtime/secrets.py"):
            return "the top level of Streamlit's secrets"
        if file != __file__ and not file.startswith("<frozen"):
            if "-packages/" in file:
                nearest = nearest or place
            elif not file.startswith(library):
                return place
        frame = frame.f_back
    return nearest or "Python itself"


def _change_watcher(module):
    _without_directories(module)
    _noticing_early_saves(module)


_CHANGES = {
    "streamlit.config": _listening_behind_the_gateway,
    "streamlit.web.server.server": _listening_at_the_socket,
    "streamlit.web.server.starlette.starlette_server": _listening_at_the_socket,
    "streamlit.watcher.local_sources_watcher": _change_watcher,
    "streamlit.watcher.event_based_path_watcher": _watch_less,
    "streamlit.runtime.app_session": _judging_saves_again,
    "streamlit.runtime.scriptrunner.script_cache": _reading_changed_scripts,
}
for _variable, _part in (("SDEV_IDENTITY", "sdev_identity"), ("SDEV_PERSON", "sdev_person")):
    if os.environ.get(_variable):
        _CHANGES.update(__import__(_part).CHANGES)


def _next():
    """Import the module of this name that would have been imported without this file."""
    here = os.path.dirname(os.path.abspath(__file__))
    rest = [entry for entry in sys.path if os.path.abspath(entry) != here]
    spec = PathFinder.find_spec(__name__, rest)
    if spec is None or spec.origin is None:
        return
    module = module_from_spec(spec)
    sys.modules[__name__] = module
    spec.loader.exec_module(module)


if os.environ.get("SDEV_LOGIN"):
    _keep_login()
_noting_modules(SourceFileLoader)
sys.meta_path.insert(0, _Hook)
_next()
