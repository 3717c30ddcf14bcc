package detect

import (
	"slices"
	"strings"
)

// distributions are the names under which packages are installed, where they differ from the name that is imported
// in more than hyphens. A dotted name is more specific than its beginning. A value with a space is several packages.
func distributions() map[string]string {
	return map[string]string{
		"attr": "attrs", "bs4": "beautifulsoup4", "cairosvg": "CairoSVG", "community": "python-louvain", "Crypto": "pycryptodome", "cv2": "opencv-python-headless",
		"dateutil": "python-dateutil", "discord": "discord.py", "docx": "python-docx", "dotenv": "python-dotenv", "faiss": "faiss-cpu", "fitz": "PyMuPDF",
		"flask_cors": "Flask-Cors", "git": "GitPython", "github": "PyGithub", "gensim": "gensim", "gi": "PyGObject", "gtts": "gTTS",
		"google.api_core": "google-api-core", "google.auth": "google-auth", "google.oauth2": "google-auth", "google.cloud.aiplatform": "google-cloud-aiplatform",
		"google.cloud.bigquery": "google-cloud-bigquery", "google.cloud.bigquery_storage": "google-cloud-bigquery-storage", "google.cloud.firestore": "google-cloud-firestore",
		"google.cloud.logging": "google-cloud-logging", "google.cloud.pubsub": "google-cloud-pubsub", "google.cloud.secretmanager": "google-cloud-secret-manager",
		"google.cloud.speech": "google-cloud-speech", "google.cloud.storage": "google-cloud-storage", "google.cloud.translate": "google-cloud-translate",
		"google.cloud.vision": "google-cloud-vision", "google.genai": "google-genai", "google.generativeai": "google-generativeai", "google.protobuf": "protobuf",
		"google_auth_oauthlib": "google-auth-oauthlib", "googleapiclient": "google-api-python-client", "graphviz": "graphviz", "igraph": "python-igraph",
		"ipywidgets": "ipywidgets", "jose": "python-jose[cryptography]", "jwt": "PyJWT[crypto]", "kafka": "kafka-python", "kaleido": "kaleido", "ldap": "python-ldap",
		"magic": "python-magic", "mpl_toolkits": "matplotlib", "MySQLdb": "mysqlclient", "mysql": "mysql-connector-python", "OpenSSL": "pyOpenSSL",
		"PIL": "pillow", "pkg_resources": "setuptools", "pptx": "python-pptx", "psycopg2": "psycopg2-binary", "psycopg": "psycopg[binary]", "pyaudio": "PyAudio",
		"pydub": "pydub", "pylab": "matplotlib", "pypdf": "pypdf", "PyPDF2": "PyPDF2", "pyspark": "pyspark", "pytesseract": "pytesseract", "pytz": "pytz",
		"rdkit": "rdkit", "redis": "redis", "sentence_transformers": "sentence-transformers", "serial": "pyserial", "skimage": "scikit-image", "sklearn": "scikit-learn",
		"slugify": "python-slugify", "socks": "PySocks", "speech_recognition": "SpeechRecognition", "sqlalchemy": "SQLAlchemy", "snowflake.connector": "snowflake-connector-python",
		"snowflake.snowpark": "snowflake-snowpark-python", "st_aggrid": "streamlit-aggrid", "streamlit_folium": "streamlit-folium", "telegram": "python-telegram-bot",
		"tensorflow_hub": "tensorflow-hub", "umap": "umap-learn", "usb": "pyusb", "websocket": "websocket-client", "win32api": "", "win32com": "", "wx": "wxPython",
		"yaml": "PyYAML", "zmq": "pyzmq", "zstd": "zstandard", "langchain_openai": "langchain-openai", "pandas_profiling": "ydata-profiling",
		"pyarrow": "pyarrow", "tabula": "tabula-py", "wordcloud": "wordcloud", "youtube_transcript_api": "youtube-transcript-api", "azure.identity": "azure-identity",
		"azure.storage.blob": "azure-storage-blob", "azure.keyvault.secrets": "azure-keyvault-secrets", "azure.cosmos": "azure-cosmos", "Levenshtein": "python-Levenshtein",
		"google": "", "azure": "", "streamlit": "", "ee": "earthengine-api", "geemap": "geemap", "cartopy": "Cartopy", "netCDF4": "netCDF4",
	}
}

// packages are what to install for a program whose project lists nothing: what it imports, except for what comes with Python and
// what is the project's own. Each Value is a name for the installer.
func (p *program) packages() []Fact {
	known := distributions()
	var out []Fact
	for _, m := range p.modules {
		for _, i := range m.imports {
			if i.level > 0 || isStandard(i.top()) || p.isOwn(m.path, i) {
				continue
			}
			for _, name := range distributionsOf(known, i) {
				if !slices.ContainsFunc(out, func(f Fact) bool { return normalName(f.Value) == normalName(name) }) {
					out = append(out, Fact{Value: name, Why: "import of " + i.name, File: m.path, Line: i.line})
				}
			}
		}
	}
	return out
}

// distributionsOf returns the packages to install for an import: by its longest known beginning, or else by its first
// part.
func distributionsOf(known map[string]string, i imported) []string {
	full := []string{i.name}
	for _, name := range i.from {
		full = append(full, i.name+"."+name)
	}
	var out []string
	for _, name := range slices.Backward(full) {
		for at := name; at != ""; {
			if d, ok := known[at]; ok {
				if d != "" && !slices.Contains(out, d) {
					out = append(out, d)
				}
				break
			}
			cut := strings.LastIndexByte(at, '.')
			if cut < 0 {
				if d := strings.ReplaceAll(at, "_", "-"); isPackageName(d) && !slices.Contains(out, d) {
					out = append(out, d)
				}
				break
			}
			at = at[:cut]
		}
	}
	return out
}

// isPackageName keeps anything that is no package name out of a command line.
func isPackageName(s string) bool {
	return s != "" && strings.Trim(s, letters+"-.") == "" && s[0] != '-'
}
