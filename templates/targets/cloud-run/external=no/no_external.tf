# No guests: `--set external-domain=NAME` adds a second name with e-mail and password.
locals {
  external_services    = []
  external_domains     = []
  external_backends    = {}
  external_backend_ids = []
}
