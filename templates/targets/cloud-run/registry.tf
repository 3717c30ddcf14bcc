# Where the workflow pushes to and Cloud Run pulls from. A tag that is there is never moved.
resource "google_artifact_registry_repository" "app" {
  #checkov:skip=CKV_GCP_84:Google's own keys encrypt at rest; a key of your own is kms_key_name
  location      = var.region
  repository_id = var.name
  description   = "Images of ${var.name}"
  format        = "DOCKER"

  docker_config {
    immutable_tags = true
  }

  cleanup_policies {
    id     = "keep-the-newest"
    action = "KEEP"
    most_recent_versions {
      keep_count = 20 # what a rollback can go back to
    }
  }

  cleanup_policies {
    id     = "delete-the-old"
    action = "DELETE"
    condition {
      older_than = "7776000s" # 90 days
    }
  }

  depends_on = [google_project_service.this]
}
