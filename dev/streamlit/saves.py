# The second part of sdev's start-up file, see shim.go: no save is lost in the first moments of a tab.
#
# Streamlit watches a module, and a page of st.navigation, only once the run that loaded it has ended, and takes the
# content that it finds then for what it loaded. In an app with several pages it knows only at that time which page
# the tab shows, and drops saves of that page until then. A save within a run is lost for as long as nobody saves the
# file again, and a script that never ends shows no save of a module at all.
#
# So: a file that Streamlit begins to watch, and that has changed since it was loaded, counts as saved; a save of a
# page that was dropped during a run is judged again at its end; and during a long run, what it has loaded so far is
# watched already. Streamlit itself then runs the script again, as after any other save.
#
# It relies on methods that Streamlit has had from 1.12 to 1.67, and silently changes nothing where one is missing.

import os
import time as _time

# How each file of the project looked right before Python or Streamlit read it, by its real path. Times of files come from
# another clock than ours, even from another machine's, so they are best compared with each other.
_READ = {}

# A file's time comes from a coarser clock than ours, so it may be this much too early, in nanoseconds.
_COARSE = 10_000_000

# When to look at what a running script has loaded, in seconds after its start or after the last look.
_LOOKS = (1, 2, 4)


def _look(path):
    """Return what changes when a file is written; None if there is none."""
    try:
        file = os.stat(path)
    except OSError:
        return None
    return file.st_mtime_ns, file.st_ctime_ns, file.st_size


def _changed_since_read(path):
    """Return whether a file was written after it was read, if anybody has read it and it still exists."""
    path = os.path.realpath(path)
    return path in _READ and _look(path) not in (_READ[path], None)


def _changed_since(path, moment):
    """Return whether a file was written after a moment; a time in the future comes from another machine's clock."""
    try:
        written = os.stat(path).st_ctime_ns
    except OSError:
        return False
    return moment <= written + _COARSE and written <= _time.time_ns()


def _noting_modules(loader):
    """Note how the project's modules look before they are read. Python asks for a source's time and size first."""
    stats = loader.path_stats
    library = os.path.dirname(os.__file__) + "/"

    def path_stats(self, path):
        if "-packages/" not in path and not path.startswith(library):
            _READ[os.path.realpath(path)] = _look(path)
        return stats(self, path)

    loader.path_stats = path_stats


def _noticing_early_saves(module):
    """Make Streamlit's watcher notice files that have changed since they were loaded."""
    watcher = getattr(module, "LocalSourcesWatcher", None)
    register = getattr(watcher, "_register_watcher", None)
    if not callable(register):
        return

    def _register_watcher(self, filepath, module_name, *args, **kwargs):
        result = register(self, filepath, module_name, *args, **kwargs)
        # Without a start of a run, the session begins and reads the file later.
        began = getattr(self, "_sdev_began", None)
        if began is not None and not os.path.isdir(filepath):
            # Another session may have read the saved file since, and some versions read pages by themselves: so what was
            # saved after this run has begun counts in any case.
            if _changed_since_read(filepath) or _changed_since(filepath, began):
                self._sdev_early.add(filepath)
        return result

    watcher._register_watcher = _register_watcher


def _judging_saves_again(module):
    """Make Streamlit's sessions act on saves that they could not judge, or did not notice, during a run."""
    session = getattr(module, "AppSession", None)
    judge = getattr(session, "_should_rerun_on_file_change", None)
    handle = getattr(session, "_on_scriptrunner_event", None)
    if not callable(judge) or not callable(handle):
        return

    def notes(self):
        """Return the files whose saves were dropped during the current run."""
        return self.__dict__.setdefault("_sdev_dropped", set())

    def _should_rerun_on_file_change(self, filepath):
        # In this order: if the run ends meanwhile, either judge knows the page already, or the note is read later.
        if self._scriptrunner is not None:
            notes(self).add(filepath)
        if not judge(self, filepath) and not shows(self, filepath):
            return False
        notes(self).discard(filepath)
        return True

    def shows(self, filepath):
        """Return whether the running script has chosen a page, and the file is that page's."""
        manager = getattr(self, "_pages_manager", None)
        current = getattr(manager, "current_page_script_hash", "")
        page = manager.get_pages().get(current) if current else None
        return page is not None and page.get("script_path") == filepath

    def _on_scriptrunner_event(self, sender, event, *args, **kwargs):
        name = getattr(event, "name", "")
        watcher = getattr(self, "_local_sources_watcher", None)
        if name == "SCRIPT_STARTED" and watcher is not None:
            watcher._sdev_early = getattr(watcher, "_sdev_early", set())
            watcher._sdev_began = _time.time_ns()
        result = handle(self, sender, event, *args, **kwargs)
        if name == "SCRIPT_STARTED":
            self._event_loop.call_soon_threadsafe(look_later, self, sender, 0)
        elif name in ("SHUTDOWN", "SCRIPT_STOPPED_FOR_RERUN"):
            self._event_loop.call_soon_threadsafe(act, self)
        return result

    def look_later(self, runner, nth):
        pause = _LOOKS[min(nth, len(_LOOKS) - 1)]
        self._event_loop.call_later(pause, look, self, runner, nth)

    def look(self, runner, nth):
        """Watch what a running script has loaded so far."""
        watcher = self._local_sources_watcher
        if self._scriptrunner is not runner or watcher is None:
            return
        watcher.update_watched_modules()
        update_pages = getattr(watcher, "update_watched_pages", None)
        if update_pages is not None:
            update_pages()
        act(self)
        look_later(self, runner, nth + 1)

    def act(self):
        """Treat files as saved that Streamlit noticed too late, or whose saves it dropped."""
        watcher = self._local_sources_watcher
        if watcher is None:
            return
        early = getattr(watcher, "_sdev_early", set())
        dropped = set()
        if self._scriptrunner is None:
            dropped, self._sdev_dropped = notes(self), set()
        changed = getattr(watcher, "on_path_changed", None) or watcher.on_file_changed
        for path in sorted(early | dropped):
            early.discard(path)
            changed(path)

    session._should_rerun_on_file_change = _should_rerun_on_file_change
    session._on_scriptrunner_event = _on_scriptrunner_event


def _reading_changed_scripts(module):
    """Make Streamlit's cache of compiled scripts compile a file again that has changed."""
    cache = getattr(module, "ScriptCache", None)
    compiled = getattr(cache, "get_bytecode", None)
    if not callable(compiled):
        return

    def get_bytecode(self, script_path):
        path = os.path.abspath(script_path)
        kept = getattr(self, "_cache", None)
        if kept is not None and path in kept and _changed_since_read(path):
            self.clear()
        if kept is None or path not in kept:
            _READ[os.path.realpath(path)] = _look(path)
        return compiled(self, script_path)

    cache.get_bytecode = get_bytecode


