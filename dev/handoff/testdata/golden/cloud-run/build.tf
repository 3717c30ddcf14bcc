# How the workflow gets in: GitHub signs who it is, Google looks at it and lends it this account for an
# hour. There is no key that could leak.

resource "google_service_account" "deploy" {
  account_id   = "${var.name}-deploy" # 30 characters at most: var.name is up to 23 of them
  display_name = "Deploys ${var.name} from GitHub"

  lifecycle {
    precondition {
      condition     = length(var.name) <= 23
      error_message = "name is too long for the accounts that are named after it: 23 characters at most."
    }
  }

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool" "github" {
  workload_identity_pool_id = "${var.name}-github"
  display_name              = "GitHub"

  depends_on = [google_project_service.this]
}

resource "google_iam_workload_identity_pool_provider" "github" {
  #checkov:skip=CKV_GCP_125:repository and branch are compared by claims of their own, whose form does not change as that of sub does
  workload_identity_pool_id          = google_iam_workload_identity_pool.github.workload_identity_pool_id
  workload_identity_pool_provider_id = "github"
  display_name                       = "GitHub Actions"

  attribute_mapping = {
    "google.subject"          = "assertion.sub"
    "attribute.repository"    = "assertion.repository"
    "attribute.repository_id" = "assertion.repository_id"
    "attribute.ref"           = "assertion.ref"
  }

  # Every workflow of every repository on GitHub has a token of this issuer. This condition is what
  # tells yours from theirs.
  attribute_condition = join(" && ", concat(
    ["assertion.repository == ${jsonencode(var.github_repository)}"],
    var.github_repository_id == "" ? [] : ["assertion.repository_id == ${jsonencode(var.github_repository_id)}"],
    ["assertion.ref == ${jsonencode("refs/heads/${var.github_branch}")}"],
  ))

  oidc {
    issuer_uri = "https://token.actions.githubusercontent.com"
  }
}

resource "google_service_account_iam_member" "github" {
  service_account_id = google_service_account.deploy.name
  role               = "roles/iam.workloadIdentityUser"
  member             = "principalSet://iam.googleapis.com/${google_iam_workload_identity_pool.github.name}/attribute.repository/${var.github_repository}"
}

# What it may do, on these three resources and nowhere else.

resource "google_artifact_registry_repository_iam_member" "deploy" {
  location   = google_artifact_registry_repository.app.location
  repository = google_artifact_registry_repository.app.name
  role       = "roles/artifactregistry.writer"
  member     = google_service_account.deploy.member
}

resource "google_cloud_run_v2_service_iam_member" "deploy" {
  location = google_cloud_run_v2_service.app.location
  name     = google_cloud_run_v2_service.app.name
  role     = "roles/run.developer"
  member   = google_service_account.deploy.member
}

# A deployer runs code as the app's account, so it has to be allowed to hand that account out.
resource "google_service_account_iam_member" "deploy" {
  service_account_id = google_service_account.app.name
  role               = "roles/iam.serviceAccountUser"
  member             = google_service_account.deploy.member
}
