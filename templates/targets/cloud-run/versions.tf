# The providers are pinned to the versions that this bundle was written for. `terraform init` writes
# .terraform.lock.hcl next to this file; commit it, so that everybody gets the same ones.
terraform {
  required_version = ">= 1.5"

  required_providers {
    google = {
      source  = "hashicorp/google"
      version = ">= 7.21, < 8.0" # 7.21 is the first with iap_enabled on a Cloud Run service
    }
    # For one resource that the other does not have: the service agent of IAP (iap.tf).
    google-beta = {
      source  = "hashicorp/google-beta"
      version = ">= 7.21, < 8.0"
    }
  }
}

# Credentials are those of whoever runs terraform (`gcloud auth application-default login`), never a
# key file.
provider "google" {
  project = var.project_id
  region  = var.region
}

provider "google-beta" {
  project = var.project_id
  region  = var.region
}
