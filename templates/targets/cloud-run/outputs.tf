output "registry" {
  description = "What the names of images begin with."
  value       = "${var.region}-docker.pkg.dev/${var.project_id}/${google_artifact_registry_repository.app.repository_id}"
}

# The workflow reads these two as variables of the repository (README.md).
output "workload_identity_provider" {
  description = "GCP_WORKLOAD_IDENTITY_PROVIDER of the repository."
  value       = google_iam_workload_identity_pool_provider.github.name
}

output "deploy_account" {
  description = "GCP_DEPLOY_ACCOUNT of the repository."
  value       = google_service_account.deploy.email
}
