package streamlit

import "strconv"

// DevEnv is the environment of a Streamlit server for development, which listens on 127.0.0.1:port behind the
// gateway. Variables win over .streamlit/config.toml and lose to flags
// (docs.streamlit.io, "Configuration").
func DevEnv(port int) map[string]string {
	p := strconv.Itoa(port)
	return map[string]string{
		"STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
		// With a port set, Streamlit fails if it is in use and does not choose another one.
		"STREAMLIT_SERVER_PORT": p,
		// Without a name, Streamlit asks a service on the internet for its address at the start.
		"STREAMLIT_BROWSER_SERVER_ADDRESS":     "localhost",
		"STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
		// Streamlit has no terminal: it must neither open a browser nor ask a question.
		"STREAMLIT_SERVER_HEADLESS":          "true",
		"STREAMLIT_SERVER_SHOW_EMAIL_PROMPT": "false",
		"STREAMLIT_SERVER_RUN_ON_SAVE":       "true",
		// "auto" and not "watchdog": if watchdog is not installed, "watchdog" silently watches nothing, while
		// "auto" polls. Since 1.59, "auto" also polls inside WSL, where events are unreliable anyway.
		"STREAMLIT_SERVER_FILE_WATCHER_TYPE": "auto",
		// The gateway reads the messages, and compression saves nothing on one machine.
		"STREAMLIT_SERVER_ENABLE_WEBSOCKET_COMPRESSION": "false",
		// The developer needs the errors that the app hides from its users, and the gateway reports them.
		// Every version takes "true": up to 1.40 the option is a boolean, and later "true" means "full".
		"STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "true",
		// Python compares bytecode with its source by size and whole seconds, so after two quick saves of the same
		// size it would run old code. And a container would leave __pycache__ in the project.
		"PYTHONDONTWRITEBYTECODE": "1",
		"PYTHONUNBUFFERED":        "1",
	}
}
