-- IAM authentication in place of the password for the user of read_only_user.postgresql.sql, which comes first.
-- The function logs in this way if its secret has no "password". docs/deploy.md says which rights its roles need.
-- The database must have IAM authentication switched on. The role rds_iam exists on RDS and Aurora only, and
-- what membership in it does has not been tested.
--
--   psql --host=… --username=… --dbname=openl2m --set=ON_ERROR_STOP=1 --file=read_only_user_iam.postgresql.sql
--
-- To remove it: REVOKE rds_iam FROM openl2m_stats; ALTER ROLE openl2m_stats PASSWORD '…';

BEGIN;
GRANT rds_iam TO openl2m_stats;
ALTER ROLE openl2m_stats PASSWORD NULL;
COMMIT;
