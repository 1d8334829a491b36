-- The database user of `make tokens ARGS=import`, on PostgreSQL. It may read the tokens' keys, which the
-- statistics' own user may not, and nothing else that is secret.
--
-- Put a password of your own in place of CHANGE-ME, then, as an administrator of OpenL2M's database:
--   psql --host=… --username=… --dbname=openl2m --set=ON_ERROR_STOP=1 --file=token_import_user.postgresql.sql
--
-- To take it away: DROP OWNED BY openl2m_stats_import; DROP ROLE openl2m_stats_import;

BEGIN;
CREATE ROLE openl2m_stats_import LOGIN PASSWORD 'CHANGE-ME';

GRANT CONNECT ON DATABASE :"DBNAME" TO openl2m_stats_import;
GRANT USAGE ON SCHEMA public TO openl2m_stats_import;
GRANT SELECT (id, key, created, expires, description, allowed_ips, user_id) ON users_token TO openl2m_stats_import;
GRANT SELECT (id, username, is_active) ON auth_user TO openl2m_stats_import;
COMMIT;
