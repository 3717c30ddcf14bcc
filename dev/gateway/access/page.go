package access

import (
	"html/template"
	"net/http"
	"strings"
	"sync"

	"sdev/dev"
	"sdev/dev/gateway/door"
)

// page is what Access shows when it shows something itself. It works without scripts, and loads nothing.
var page = sync.OnceValue(func() *template.Template {
	return template.Must(template.New("").Parse(`<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{{.Title}} · Cloudflare Access</title><meta name="viewport" content="width=device-width"></head>
<body style="font-family: system-ui, sans-serif; max-width: 30rem; margin: 4rem auto; padding: 0 1rem">
<h1>{{.Title}}</h1>
<p>{{.Text}}</p>
{{if .Link}}<p><a href="{{.Link}}">{{.Label}}</a></p>
{{end}}<p><small>Local stand-in for Cloudflare Access, by sdev.</small></p>
</body>
</html>
`))
})

// refuse shows a page. link leads on; "" shows none.
func (d *Door) refuse(w http.ResponseWriter, status int, title, text, link string) {
	label := "Try again"
	switch {
	case strings.Contains(link, prefix+"logout"):
		label = "Sign in as somebody else"
	case status == http.StatusOK:
		label = "Back to the app"
	}
	var b strings.Builder
	if err := page().Execute(&b, map[string]any{"Title": title, "Text": text, "Link": link, "Label": label}); err != nil {
		door.Refuse(w, status, "text/plain; charset=utf-8", title) // the template is fixed: cannot happen
		return
	}
	w.Header().Set("X-Frame-Options", "DENY")
	door.Refuse(w, status, "text/html; charset=utf-8", b.String())
}

// invalid refuses a sign-in that was damaged or comes too late.
func (d *Door) invalid(w http.ResponseWriter, why, again string) {
	d.cfg.Emit(dev.AuthDenied{Client: d.cfg.Client.ID, Reason: why})
	d.refuse(w, http.StatusBadRequest, "Invalid sign-in", "This sign-in cannot go on: "+why+".", again)
}

// fail answers a request that Access could not handle, and reports why.
func (d *Door) fail(w http.ResponseWriter, err error) {
	d.cfg.Emit(dev.AuthDenied{Client: d.cfg.Client.ID, Reason: err.Error()})
	d.refuse(w, http.StatusInternalServerError, "Error", "Access could not handle the request.", "")
}
