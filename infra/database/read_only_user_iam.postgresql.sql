-- IAM authentication in place of the password for the user of read_only_user.postgresql.sql, which comes first.
-- The function logs in that way when its secret has no "password"; its roles need the right to: docs/deploy.md tells how.
-- The database must have IAM authentication switched on. The role rds_iam exists on RDS and Aurora only, and
-- what membership in it does can be tried there only.
--
--   psql --host=… --username=… --dbname=openl2m --set=ON_ERROR_STOP=1 --file=read_only_user_iam.postgresql.sql
--
-- To take it away: REVOKE rds_iam FROM openl2m_stats; ALTER ROLE openl2m_stats PASSWORD 'CHANGE-ME';

BEGIN;
GRANT rds_iam TO openl2m_stats;
ALTER ROLE openl2m_stats PASSWORD NULL;
COMMIT;
