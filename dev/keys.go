package dev

import (
	"fmt"
	"time"
)

// AWSKeys are credentials with which an app signs its requests to AWS. sdev keeps them in memory only, and no print
// verb shows them.
type AWSKeys struct {
	AccessKeyID     string    `json:"access_key_id"`
	SecretAccessKey string    `json:"secret_access_key"`
	SessionToken    string    `json:"session_token,omitempty"` // "" for the long-term keys of a user
	Expires         time.Time `json:"expires,omitzero"`        // zero if they do not expire
}

// Format hides the keys from every print verb.
func (AWSKeys) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[AWS keys]")) }
