package streamlit

import (
	"fmt"
	"strings"
	"testing"
)

// pathWatcherModule is Streamlit's watcher for the system's events, reduced to what it asks of its observer. It prints
// that.
const pathWatcherModule = `
import os, threading
from watchdog.observers import Observer

class _Handler:
    def __init__(self):
        self._watched_paths, self.watch = {}, None

class _MultiPathWatcher:
    def __init__(self):
        self._folder_handlers, self._lock = {}, threading.Lock()
        self._observer = Observer()
        self._observer.start()

    def watch_path(self, path, callback, *, allow_nonexistent=False):
        folder = path if os.path.isdir(path) else os.path.dirname(path)
        with self._lock:
            handler = self._folder_handlers.get(folder)
            if handler is None:
                handler = self._folder_handlers[folder] = _Handler()
                handler.watch = self._observer.schedule(handler, folder, recursive=True)
            handler._watched_paths[path] = callback

    def stop(self):
        for handler in self._folder_handlers.values():
            self._observer.unschedule(handler.watch)
        self._observer.stop()
        self._observer.join(timeout=5)
`

// watchdogTree is the package watchdog with observers that print what they are asked. refuse is a statement that the
// system's observer executes when it is asked to watch a directory.
func watchdogTree(refuse string) map[string]string {
	observer := func(name, refuse string) string {
		return strings.NewReplacer("NAME", name, "REFUSE", refuse).Replace(`
import os
class Watch:
    def __init__(self, path, recursive):
        self.path, self.is_recursive = path, recursive
class NAME:
    def __init__(self):
        self.watches = set()
    def start(self): pass
    def schedule(self, handler, path, *, recursive=False, event_filter=None):
        REFUSE
        print("NAME", os.path.basename(path), "and below" if recursive else "only", "opened" in str(event_filter))
        watch = Watch(path, recursive)
        self.watches.add(watch)
        return watch
    def unschedule(self, watch):
        self.watches.remove(watch)
        print("NAME", "ends", os.path.basename(watch.path))
    def stop(self): pass
    def join(self, timeout=None): print("NAME", "joined")
`)
	}
	kinds := ""
	for _, kind := range []string{"File", "Dir"} {
		for _, event := range []string{"Created", "Deleted", "Modified", "Moved"} {
			kinds += fmt.Sprintf("%s%sEvent = %q\n", kind, event, strings.ToLower(event))
		}
	}
	return map[string]string{
		"streamlit/__init__.py":                         "",
		"streamlit/watcher/__init__.py":                 "",
		"streamlit/watcher/event_based_path_watcher.py": pathWatcherModule,
		"watchdog/__init__.py":                          "",
		"watchdog/events.py":                            kinds + "FileOpenedEvent = 'opened'\n",
		"watchdog/observers/__init__.py":                observer("Observer", refuse),
		"watchdog/observers/polling.py":                 observer("PollingObserver", "pass"),
		"project/app.py":                                "",
		"project/pages/one.py":                          "",
		"project/data/node_modules/a.js":                "",
	}
}

// watches returns what the observers print while Streamlit watches paths of the project.
func watches(t *testing.T, files map[string]string, paths ...string) string {
	t.Helper()
	site := tree(t, files)
	code := "from streamlit.watcher.event_based_path_watcher import _MultiPathWatcher\nw = _MultiPathWatcher()\n"
	for _, p := range paths {
		code += fmt.Sprintf("w.watch_path(%q, None)\n", site+"/project/"+p)
	}
	return python(t, code+"w.stop()", site)
}

func TestShim_WatchesADirectoryAndNotWhatIsBelow(t *testing.T) {
	for name, c := range map[string]struct {
		paths []string
		want  string
	}{
		"files":                               {[]string{"app.py", "pages/one.py"}, "Observer project only False\nObserver pages only False\nObserver ends project\nObserver ends pages\nObserver joined"},
		"a directory":                         {[]string{"data"}, "Observer data and below False\nObserver ends data\nObserver joined"},
		"a directory that does not exist yet": {[]string{"later"}, "Observer project and below False\nObserver ends project\nObserver joined"},
		"a file that does not exist yet":      {[]string{"config.toml"}, "Observer project only False\nObserver ends project\nObserver joined"},
		"a directory after a file in it": {[]string{"pages/one.py", "pages"},
			"Observer pages only False\nObserver ends pages\nObserver pages and below False\nObserver ends pages\nObserver joined"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := watches(t, watchdogTree("pass"), c.paths...); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
		})
	}
}

func TestShim_ComparesWhatTheSystemRefusesToWatch(t *testing.T) {
	const polled = "PollingObserver project only False\nPollingObserver pages only False\nPollingObserver ends project\nPollingObserver ends pages"
	noWatch := watchdogTree("raise OSError(28, 'inotify watch limit reached')")
	noInstance := watchdogTree("pass")
	noInstance["watchdog/observers/__init__.py"] = strings.Replace(noInstance["watchdog/observers/__init__.py"], "self.watches = set()", "raise OSError(24, 'inotify instance limit reached')", 1)
	for name, files := range map[string]map[string]string{"watches": noWatch, "instances": noInstance} {
		got := watches(t, files, "app.py", "pages/one.py")
		if !strings.Contains(got, polled) || strings.Count(got, "allows this user no more file watches") != 1 || !strings.Contains(got, "limit reached") {
			t.Errorf("no more %s:\n%s", name, got)
		}
	}
}

func TestShim_LeavesAWatcherAloneThatItDoesNotKnow(t *testing.T) {
	files := watchdogTree("pass")
	files["streamlit/watcher/event_based_path_watcher.py"] = "class EventBasedPathWatcher: pass\n"
	if got := python(t, "from streamlit.watcher.event_based_path_watcher import EventBasedPathWatcher; print('there')", tree(t, files)); got != "there" {
		t.Errorf("got %s", got)
	}
}
