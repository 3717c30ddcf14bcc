//go:build !linux

package config

// foreignIDs is the value of [Machine.Foreign].
const foreignIDs = true
