//go:build tools

// Package tools names the commands this module builds, so that go.mod and go.sum cover them.
package tools

import (
	_ "sigs.k8s.io/kind"
)
