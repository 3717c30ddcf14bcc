package streamlit

import (
	_ "embed"
	"slices"
)

//go:embed sitecustomize.py
var shim []byte

// ShimName is the name under which Python finds the shim in a directory on its path.
const ShimName = "sitecustomize.py"

// ShimEndpoints is the variable that names the local provider's endpoints: JSON with the members
// authorize, token and revoke.
const ShimEndpoints = "SDEV_OAUTH_ENDPOINTS"

// ShimLogin is the variable that holds the login mode; it is unset if the login is bypassed.
const ShimLogin = "SDEV_LOGIN"

// Shim returns the Python file that Python runs at its start, if it is in a directory at the front of PYTHONPATH. It
// keeps directories out of Streamlit's list of watched files: otherwise Streamlit needs seconds instead of a tenth of a
// second to notice a save in a package without __init__.py.
//
// If the variable [ShimLogin] is set, it keeps LOCAL_STREAMLIT unset, whatever sets it in the app's process, and prints
// a line that [dev.ParseShimWarning] reads.
//
// If the variable [ShimEndpoints] is set, it makes httpx_oauth use the local provider instead of a well-known one whose
// addresses are in the app's code.
//
// If the variable [ShimBytecode] is set, it keeps the bytecode of installed packages in that directory. That part comes
// first, because it speeds up everything that Python imports after it. The caller may keep the bytes.
func Shim() []byte { return slices.Concat(bytecode, shim) }
