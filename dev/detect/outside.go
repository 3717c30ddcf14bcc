package detect

// TakeFacts replaces what is known of the app by what findings about a larger tree say, because the app is built from
// there: versions, lists of packages, login, components and defects. moved turns a path of that tree into one relative to this tree.
// Scripts and pages are only those of this tree, and so is what is read later.
func (f *Findings) TakeFacts(of *Findings, moved func(file string) string) {
	fact := func(a Fact) Fact {
		if a.File != "" {
			a.File = moved(a.File)
		}
		return a
	}
	facts := func(list []Fact) []Fact {
		out := make([]Fact, len(list))
		for i, a := range list {
			out[i] = fact(a)
		}
		return out
	}
	f.Python, f.Streamlit = fact(of.Python), fact(of.Streamlit)
	f.Managers, f.Auth = facts(of.Managers), facts(of.Auth)
	l := of.Login
	f.Login = LoginUse{Providers: facts(l.Providers), Endpoints: facts(l.Endpoints), Parameters: facts(l.Parameters), Required: facts(l.Required), Optional: facts(l.Optional), Bypassed: facts(l.Bypassed)}
	f.Components = nil
	for _, c := range of.Components {
		c.Fact = fact(c.Fact)
		f.Components = append(f.Components, c)
	}
	f.Defects = nil
	for _, d := range of.Defects {
		d.File = moved(d.File)
		f.Defects = append(f.Defects, d)
	}
}
