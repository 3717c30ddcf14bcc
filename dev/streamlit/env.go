package streamlit

import "strconv"

// DevEnv is the environment in which a Streamlit server runs for development, listening on
// 127.0.0.1:port behind the gateway. Variables win over .streamlit/config.toml and lose to flags
// (docs.streamlit.io, "Configuration").
func DevEnv(port int) map[string]string {
	p := strconv.Itoa(port)
	return map[string]string{
		"STREAMLIT_SERVER_ADDRESS": "127.0.0.1",
		// A port that was asked for is taken or refused; Streamlit does not look for another one.
		"STREAMLIT_SERVER_PORT": p,
		// Without a name it asks a service on the internet for its own address at start.
		"STREAMLIT_BROWSER_SERVER_ADDRESS":     "localhost",
		"STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
		// Nobody sits at its terminal: no browser is opened, and nothing is asked before the start.
		"STREAMLIT_SERVER_HEADLESS":          "true",
		"STREAMLIT_SERVER_SHOW_EMAIL_PROMPT": "false",
		"STREAMLIT_SERVER_RUN_ON_SAVE":       "true",
		// "auto" and not "watchdog": asking for watchdog where it is not installed means no watcher at
		// all, without a word, while "auto" uses it where it is there and polls where it is not. The
		// price: from 1.59 on "auto" polls inside WSL, where events do not arrive reliably anyway.
		"STREAMLIT_SERVER_FILE_WATCHER_TYPE": "auto",
		// The gateway reads frames as they pass, and nothing is gained by compressing on one machine.
		"STREAMLIT_SERVER_ENABLE_WEBSOCKET_COMPRESSION": "false",
		// What an app hides from its users its author wants to see, and the gateway to report.
		"STREAMLIT_CLIENT_SHOW_ERROR_DETAILS": "full",
		// Bytecode is checked by whole seconds and size, so two quick saves of one size would run stale;
		// and a container would leave its __pycache__ in the project.
		"PYTHONDONTWRITEBYTECODE": "1",
		"PYTHONUNBUFFERED":        "1",
	}
}
