package streamlit

import (
	"testing"
)

// watcherLike is Streamlit's watcher, session and cache as far as the shim changes them. The session runs no script;
// the test's code plays its events.
var watcherLike = map[string]string{
	"streamlit/__init__.py":         "",
	"streamlit/watcher/__init__.py": "",
	"streamlit/watcher/local_sources_watcher.py": `
import sys

class LocalSourcesWatcher:
    def __init__(self):
        self._on_path_changed, self._watched = [], {}

    def register_file_change_callback(self, cb):
        self._on_path_changed.append(cb)

    def on_path_changed(self, path):
        for cb in self._on_path_changed:
            cb(path)

    def _register_watcher(self, filepath, module_name):
        self._watched[filepath] = module_name

    def update_watched_modules(self):
        for name, module in dict(sys.modules).items():
            path = getattr(module, "__file__", None)
            if name.startswith("part") and path not in self._watched:
                self._register_watcher(path, name)
`,
	"streamlit/runtime/__init__.py":              "",
	"streamlit/runtime/scriptrunner/__init__.py": "",
	"streamlit/runtime/scriptrunner/script_cache.py": `
class ScriptCache:
    def __init__(self):
        self._cache = {}

    def clear(self):
        self._cache.clear()

    def get_bytecode(self, path):
        if path not in self._cache:
            self._cache[path] = open(path).read()
        return self._cache[path]
`,
	"streamlit/runtime/app_session.py": `
import enum
from streamlit.watcher.local_sources_watcher import LocalSourcesWatcher

Event = enum.Enum("Event", "SCRIPT_STARTED SCRIPT_STOPPED_WITH_SUCCESS SHUTDOWN")

class Loop:
    def __init__(self):
        self.timers = []
    def call_soon_threadsafe(self, f, *args):
        f(*args)
    def call_later(self, seconds, f, *args):
        self.timers.append((seconds, f, args))

class AppSession:
    def __init__(self, pages=()):
        self._event_loop, self._scriptrunner = Loop(), None
        self.page, self.pages, self.reruns = None, set(pages), []
        self._local_sources_watcher = LocalSourcesWatcher()
        self._local_sources_watcher.register_file_change_callback(self._on_source_file_changed)

    def _should_rerun_on_file_change(self, path):
        return path not in self.pages or path == self.page

    def _on_source_file_changed(self, path):
        if self._should_rerun_on_file_change(path):
            self.reruns.append(path.rsplit("/", 1)[-1])

    def _on_scriptrunner_event(self, sender, event, page=None):
        if event is Event.SCRIPT_STOPPED_WITH_SUCCESS:
            self._local_sources_watcher.update_watched_modules()
        if event is Event.SHUTDOWN:
            self.page, self._scriptrunner = page, None

    def begin(self):
        self._scriptrunner = object()
        self._on_scriptrunner_event(self._scriptrunner, Event.SCRIPT_STARTED)

    def end(self, page=None):
        self._on_scriptrunner_event(self._scriptrunner, Event.SCRIPT_STOPPED_WITH_SUCCESS)
        self._on_scriptrunner_event(self._scriptrunner, Event.SHUTDOWN, page)

    def wait(self):
        timers, self._event_loop.timers = self._event_loop.timers, []
        for _, f, args in timers:
            f(*args)
`,
	"part.py":  "x = 1\n",
	"page.py":  "y = 1\n",
	"other.py": "z = 1\n",
}

// early is the beginning of each test's code. The files are old when a run begins, and write makes one new.
const early = `
import os, sys, time
from streamlit.runtime.app_session import AppSession
from streamlit.runtime.scriptrunner.script_cache import ScriptCache
here = os.path.dirname(os.path.dirname(sys.modules["streamlit"].__file__))
page, other = here + "/page.py", here + "/other.py"
def write(name, text):
    time.sleep(0.03)
    with open(here + "/" + name, "w") as f:
        f.write(text)
time.sleep(0.03)
s = AppSession({page, other})
`

func TestShimSaves_EachEarlySaveMakesARun(t *testing.T) {
	for name, tt := range map[string]struct{ code, want string }{
		"a module saved in the run that imports it": {
			"s.begin(); import part; write('part.py', 'x = 2'); s.end(); print(s.reruns)", "['part.py']"},
		"a module that another session has loaded since its save": {
			"s.begin(); import part; write('part.py', 'x = 2'); del sys.modules['part']; import part; s.end(); print(s.reruns)", "['part.py']"},
		"a module that nobody saved": {
			"s.begin(); import part; time.sleep(0.03); s.end(); print(s.reruns)", "[]"},
		"a module that was saved while no tab was open": {
			"import part; write('part.py', 'x = 2'); time.sleep(0.03); s.begin(); s.end(); print(s.reruns)", "['part.py']"},
		"a module that was saved before the run, and imported by it": {
			"write('part.py', 'x = 2'); time.sleep(0.03); s.begin(); import part; s.end(); print(s.reruns)", "[]"},
		"a module of a run that never ends": {
			"s.begin(); import part; write('part.py', 'x = 2'); s.wait(); print(s.reruns)", "['part.py']"},
		"a module that a later look finds": {
			"s.begin(); s.wait(); import part; write('part.py', 'x = 2'); s.wait(); s.wait(); print(s.reruns)", "['part.py']"},
		"no look after the end": {
			"s.begin(); s.end(); import part; write('part.py', 'x = 2'); s.wait(); print(s.reruns, s._event_loop.timers)", "[] []"},
		"the shown page, saved before the session knows it": {
			"s.begin(); s._on_source_file_changed(page); s.end(page); print(s.reruns)", "['page.py']"},
		"another page, saved before the session knows which it shows": {
			"s.begin(); s._on_source_file_changed(other); s.end(page); print(s.reruns)", "[]"},
		"another page, saved between runs": {
			"s.begin(); s.end(page); s._on_source_file_changed(other); s.begin(); s.end(other); print(s.reruns)", "[]"},
		"a file in the future": {
			"from unittest import mock\ns.begin(); import part\nwith mock.patch('time.time_ns', lambda: 0): s.end()\nprint(s.reruns)", "[]"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := python(t, early+tt.code, tree(t, watcherLike)); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestShimSaves_AChangedScriptIsReadAgain(t *testing.T) {
	code := early + `
cache = ScriptCache()
one = cache.get_bytecode(page)
time.sleep(0.03)
cache._cache[page] = "kept"
two = cache.get_bytecode(page)
write("page.py", "y = 2")
print(repr(one), two, repr(cache.get_bytecode(page)))`
	if got, want := python(t, code, tree(t, watcherLike)), `'y = 1\n' kept 'y = 2'`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestShimSaves_ADifferentStreamlitIsLeftAlone(t *testing.T) {
	site := tree(t, map[string]string{
		"streamlit/__init__.py":                          "",
		"streamlit/watcher/__init__.py":                  "",
		"streamlit/watcher/local_sources_watcher.py":     "class LocalSourcesWatcher: pass\n",
		"streamlit/runtime/__init__.py":                  "",
		"streamlit/runtime/app_session.py":               "class AppSession: _on_scriptrunner_event = 3\n",
		"streamlit/runtime/scriptrunner/__init__.py":     "",
		"streamlit/runtime/scriptrunner/script_cache.py": "ScriptCache = None\n",
	})
	got := python(t, "from streamlit.watcher.local_sources_watcher import LocalSourcesWatcher as w\nfrom streamlit.runtime.app_session import AppSession as a\n"+
		"from streamlit.runtime.scriptrunner.script_cache import ScriptCache as c\nprint([k for k in vars(w) if 'watch' in k], a._on_scriptrunner_event, c)", site)
	if got != "[] 3 None" {
		t.Errorf("got %s", got)
	}
}
