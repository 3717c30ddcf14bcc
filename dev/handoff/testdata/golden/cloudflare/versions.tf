# The plug-in is pinned to what this bundle was written for. `terraform init` writes
# .terraform.lock.hcl next to this file; commit it, so that everybody gets the same one.
terraform {
  required_version = ">= 1.5"

  required_providers {
    cloudflare = {
      source  = "cloudflare/cloudflare"
      version = ">= 5.19, < 6.0" # 5 renamed almost everything that older articles show
    }
  }
}

# The token is in the environment, as CLOUDFLARE_API_TOKEN. It needs, for this account and this zone
# alone: Cloudflare Tunnel Edit, Access: Apps and Policies Edit, DNS Edit.
provider "cloudflare" {}
