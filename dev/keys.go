package dev

import (
	"fmt"
	"time"
)

// AWSKeys are what an app signs its requests to AWS with. They are kept in memory alone, and come
// out of no way of printing.
type AWSKeys struct {
	AccessKeyID     string    `json:"access_key_id"`
	SecretAccessKey string    `json:"secret_access_key"`
	SessionToken    string    `json:"session_token,omitempty"` // "" for keys of a user
	Expires         time.Time `json:"expires,omitzero"`        // zero where they do not run out
}

// Format keeps the keys out of everything that is printed, whatever the verb.
func (AWSKeys) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[AWS keys]")) }
