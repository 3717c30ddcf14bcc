package detect

func defects(*Findings, *program) []Defect { return nil }

// Defect is something known to go wrong, with its place and what to do about it.
type Defect struct {
	ID   string `json:"id"`
	File string `json:"file"`
	Line int    `json:"line"`
	What string `json:"what"`
	Fix  string `json:"fix"`
}
