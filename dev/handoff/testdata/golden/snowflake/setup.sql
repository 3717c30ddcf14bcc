-- What has to be there before the first deployment. Run it once as somebody who may make databases and
-- integrations (ACCOUNTADMIN has all of it):
--
--   snow sql --filename setup.sql
--
-- It can be run again. What is there stays as it is, but for the rule and the integration for packages.

CREATE DATABASE IF NOT EXISTS "EXAMPLE_DATABASE";
CREATE SCHEMA IF NOT EXISTS "EXAMPLE_DATABASE"."STREAMLIT";
CREATE ROLE IF NOT EXISTS "STREAMLIT_OWNER";

-- Where the app runs. It stops by itself when nobody has used it for an hour, and starts again.
CREATE COMPUTE POOL IF NOT EXISTS "STREAMLIT_POOL"
  MIN_NODES = 1
  MAX_NODES = 1
  INSTANCE_FAMILY = CPU_X64_XS
  AUTO_SUSPEND_SECS = 3600;

-- What the app may reach outside: the index of Python packages and the files that it points to. Data
-- that the app fetches from elsewhere needs a rule and an integration of its own.
CREATE OR ALTER NETWORK RULE "EXAMPLE_DATABASE"."STREAMLIT"."PYPI"
  TYPE = HOST_PORT
  VALUE_LIST = ('pypi.org', 'pypi.python.org', 'pythonhosted.org', 'files.pythonhosted.org')
  MODE = EGRESS;

-- There is no "if not exists" for these. What others were granted on an integration of this name is
-- lost: give `packages-access` another name where somebody else uses it.
CREATE OR REPLACE EXTERNAL ACCESS INTEGRATION "STREAMLIT_PYPI"
  ALLOWED_NETWORK_RULES = ("EXAMPLE_DATABASE"."STREAMLIT"."PYPI")
  ENABLED = TRUE;

GRANT USAGE ON COMPUTE POOL "STREAMLIT_POOL" TO ROLE "STREAMLIT_OWNER";
GRANT USAGE ON INTEGRATION "STREAMLIT_PYPI" TO ROLE "STREAMLIT_OWNER";

-- The role that deploys, and that the app's queries run as: the app sees what this role sees. Grant it
-- the data that the app shows, and nothing else.
GRANT USAGE ON DATABASE "EXAMPLE_DATABASE" TO ROLE "STREAMLIT_OWNER";
GRANT USAGE, CREATE STREAMLIT, CREATE STAGE ON SCHEMA "EXAMPLE_DATABASE"."STREAMLIT" TO ROLE "STREAMLIT_OWNER";
GRANT USAGE ON WAREHOUSE "EXAMPLE_WAREHOUSE" TO ROLE "STREAMLIT_OWNER";

-- May open the app; snowflake.yml grants the app itself.
GRANT USAGE ON DATABASE "EXAMPLE_DATABASE" TO ROLE "EXAMPLE_VIEWER";
GRANT USAGE ON SCHEMA "EXAMPLE_DATABASE"."STREAMLIT" TO ROLE "EXAMPLE_VIEWER";
