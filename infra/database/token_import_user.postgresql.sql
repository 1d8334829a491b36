-- The database user of `openl2m-stats tokens import`, on PostgreSQL. It may read the tokens' keys, which the
-- statistics' own user may not, and nothing else that is secret.
--
-- Put a password of your own, in quotes, in place of CHANGE-ME: until then, the script stops there and makes nothing.
-- Then, as an administrator of OpenL2M's database:
--   psql --host=… --username=… --dbname=openl2m --set=ON_ERROR_STOP=1 --file=token_import_user.postgresql.sql
-- Where OpenL2M's tables are in another schema than public, name it: --set=schema=netops. The script then also sets the
-- user's search_path.
-- It can be run again: what is there stays, the password included.
--
-- The administrator needs CREATEROLE. Where another role owns OpenL2M's tables, as usual on RDS, the script makes the
-- administrator a member of that role and takes the membership back at its end. From PostgreSQL 16 on, that takes
-- ADMIN OPTION on the owning role, which the role that created it has: run the script as that one, or as a superuser.
-- It is tested on PostgreSQL 15 and 17.
--
-- To remove it: GRANT openl2m_stats_import TO CURRENT_USER; DROP OWNED BY openl2m_stats_import; DROP ROLE openl2m_stats_import;
-- Where another role owns the tables: GRANT <owner> TO CURRENT_USER; before, REVOKE <owner> FROM CURRENT_USER; after.

BEGIN;
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'openl2m_stats_import') AS absent \gset
\if :absent
CREATE ROLE openl2m_stats_import LOGIN CONNECTION LIMIT 2 PASSWORD CHANGE-ME;
\endif

\if :{?schema}
\else
\set schema public
\endif
-- Only a table's owner may grant rights on it. RDS's master user is not a superuser, and usually not the owner.
SELECT coalesce(string_agg(DISTINCT quote_ident(tableowner), ', '), '') AS owners, count(*) > 0 AS borrowing
FROM pg_tables
WHERE schemaname = :'schema' AND tablename IN ('users_token', 'auth_user') AND NOT pg_has_role(tableowner, 'USAGE') \gset
\if :borrowing
GRANT :owners TO CURRENT_USER;
\endif

GRANT CONNECT ON DATABASE :"DBNAME" TO openl2m_stats_import;
GRANT USAGE ON SCHEMA :"schema" TO openl2m_stats_import;
GRANT SELECT (id, key, created, expires, description, allowed_ips, user_id) ON :"schema".users_token TO openl2m_stats_import;
GRANT SELECT (id, username, is_active) ON :"schema".auth_user TO openl2m_stats_import;
SELECT :'schema' <> 'public' AS elsewhere \gset
\if :elsewhere
  ALTER ROLE openl2m_stats_import IN DATABASE :"DBNAME" SET search_path = :"schema";
\endif
\if :borrowing
REVOKE :owners FROM CURRENT_USER;
\endif
COMMIT;
