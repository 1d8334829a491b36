-- The database user of the statistics, on PostgreSQL. It may read what is counted and nothing else:
-- no token's key, no SNMP community, no device password.
--
-- Put a password of your own, in quotes, in place of CHANGE-ME: until then, the script stops there and makes nothing.
-- Then, as an administrator of OpenL2M's database:
--   psql --host=… --username=… --dbname=openl2m --set=ON_ERROR_STOP=1 --file=read_only_user.postgresql.sql
-- Where OpenL2M's tables are in another schema than public, name it: --set=schema=netops. The script then also sets the
-- user's search_path.
-- Run it again after an upgrade: what is there stays, password and time limit included.
--
-- The administrator needs CREATEROLE. Where another role owns OpenL2M's tables, as usual on RDS, the script makes the
-- administrator a member of that role and takes the membership back at its end. From PostgreSQL 16 on, that takes
-- ADMIN OPTION on the owning role, which the role that created it has: run the script as that one, or as a superuser.
-- It is tested on PostgreSQL 15 and 17.
--
-- To remove it: GRANT openl2m_stats TO CURRENT_USER; DROP OWNED BY openl2m_stats; DROP ROLE openl2m_stats;
-- Where another role owns the tables: GRANT <owner> TO CURRENT_USER; before, REVOKE <owner> FROM CURRENT_USER; after.

BEGIN;
SELECT NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'openl2m_stats') AS absent \gset
\if :absent
-- Each container of the function holds a connection. The limit leaves OpenL2M its own; with an RDS Proxy, or with
-- ReservedConcurrency above 15, raise it.
CREATE ROLE openl2m_stats LOGIN CONNECTION LIMIT 20 PASSWORD CHANGE-ME;
-- The server ends a statement that its caller has given up. Set it to REQUEST_TIMEOUT_SECONDS, by default 10 s.
ALTER ROLE openl2m_stats SET statement_timeout = '10s';
\endif

-- make docs: begin grants
\if :{?schema}
\else
\set schema public
\endif
-- Only a table's owner may grant rights on it. RDS's master user is not a superuser, and usually not the owner.
SELECT coalesce(string_agg(DISTINCT quote_ident(tableowner), ', '), '') AS owners, count(*) > 0 AS borrowing
FROM pg_tables
WHERE schemaname = :'schema' AND tablename IN (
  'switches_switch',
  'switches_switchgroupmembership',
  'switches_vlan',
  'switches_vlangroup',
  'switches_snmpprofile',
  'switches_netmikoprofile',
  'switches_command',
  'switches_commandlist',
  'users_token',
  'switches_log',
  'counters_counter'
) AND NOT pg_has_role(tableowner, 'USAGE') \gset
\if :borrowing
GRANT :owners TO CURRENT_USER;
\endif

GRANT CONNECT ON DATABASE :"DBNAME" TO "openl2m_stats";
GRANT USAGE ON SCHEMA :"schema" TO "openl2m_stats";
GRANT SELECT (id) ON :"schema".switches_switch TO "openl2m_stats";
GRANT SELECT (switchgroup_id) ON :"schema".switches_switchgroupmembership TO "openl2m_stats";
GRANT SELECT (id) ON :"schema".switches_vlan TO "openl2m_stats";
GRANT SELECT (id) ON :"schema".switches_vlangroup TO "openl2m_stats";
GRANT SELECT (id) ON :"schema".switches_snmpprofile TO "openl2m_stats";
GRANT SELECT (id) ON :"schema".switches_netmikoprofile TO "openl2m_stats";
GRANT SELECT (id) ON :"schema".switches_command TO "openl2m_stats";
GRANT SELECT (id) ON :"schema".switches_commandlist TO "openl2m_stats";
GRANT SELECT (id) ON :"schema".users_token TO "openl2m_stats";
GRANT SELECT (timestamp, type, switch_id, user_id, action) ON :"schema".switches_log TO "openl2m_stats";
GRANT SELECT (name, value) ON :"schema".counters_counter TO "openl2m_stats";
SELECT :'schema' <> 'public' AS elsewhere \gset
\if :elsewhere
  ALTER ROLE "openl2m_stats" IN DATABASE :"DBNAME" SET search_path = :"schema";
\endif
\if :borrowing
REVOKE :owners FROM CURRENT_USER;
\endif
-- make docs: end
COMMIT;
