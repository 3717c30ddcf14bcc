package streamlit

import _ "embed"

//go:embed sitecustomize.py
var shim []byte

// ShimName is the file name under which Python finds the start-up shim in a directory on its path.
const ShimName = "sitecustomize.py"

// ShimEndpoints is the variable that names the local provider's endpoints: JSON with the members
// authorize, token and revoke.
const ShimEndpoints = "SDEV_OAUTH_ENDPOINTS"

// ShimLogin is the variable that names the mode in which people sign in.
const ShimLogin = "SDEV_LOGIN"

// Shim is the Python file that, in a directory at the front of PYTHONPATH, keeps directories out of
// Streamlit's list of watched files. Without it a save in a package that has no __init__.py takes
// seconds to be seen instead of a tenth of one.
//
// Where the variable [ShimLogin] is set it keeps the variable off that bypasses the login, whoever
// sets it in the app's process, and prints a line that [dev.ParseShimWarning] reads.
//
// Where the variable [ShimEndpoints] is set it also makes httpx_oauth ask the local provider in place
// of the well-known ones whose addresses are written in an app's code. The caller may keep the bytes.
func Shim() []byte { return append([]byte(nil), shim...) }
