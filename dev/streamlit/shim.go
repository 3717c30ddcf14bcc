package streamlit

import _ "embed"

//go:embed sitecustomize.py
var shim []byte

// ShimName is the file name under which Python finds the start-up shim in a folder on its path.
const ShimName = "sitecustomize.py"

// Shim is the Python file that, in a folder at the front of PYTHONPATH, keeps folders out of
// Streamlit's list of watched files. Without it a save in a package that has no __init__.py takes
// seconds to be seen instead of a tenth of one. The caller may keep the bytes.
func Shim() []byte { return append([]byte(nil), shim...) }
