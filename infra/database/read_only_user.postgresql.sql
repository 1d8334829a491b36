-- The database user of the statistics, on PostgreSQL. It may read what is counted and nothing else:
-- no token's key, no SNMP community, no device password.
--
-- Put a password of your own in place of CHANGE-ME, then, as an administrator of OpenL2M's database:
--   psql --host=… --username=… --dbname=openl2m --set=ON_ERROR_STOP=1 --file=read_only_user.postgresql.sql
--
-- To take it away: DROP OWNED BY openl2m_stats; DROP ROLE openl2m_stats;

BEGIN;
CREATE ROLE openl2m_stats LOGIN PASSWORD 'CHANGE-ME';

-- A statement that its caller has given up ends on the server too. It belongs to REQUEST_TIMEOUT_SECONDS, 10 s by default.
ALTER ROLE openl2m_stats SET statement_timeout = '10s';

GRANT CONNECT ON DATABASE :"DBNAME" TO openl2m_stats;
GRANT USAGE ON SCHEMA public TO openl2m_stats;
GRANT SELECT (id) ON switches_switch TO openl2m_stats;
GRANT SELECT (switchgroup_id) ON switches_switchgroupmembership TO openl2m_stats;
GRANT SELECT (id) ON switches_vlan TO openl2m_stats;
GRANT SELECT (id) ON switches_vlangroup TO openl2m_stats;
GRANT SELECT (id) ON switches_snmpprofile TO openl2m_stats;
GRANT SELECT (id) ON switches_netmikoprofile TO openl2m_stats;
GRANT SELECT (id) ON switches_command TO openl2m_stats;
GRANT SELECT (id) ON switches_commandlist TO openl2m_stats;
GRANT SELECT (id) ON users_token TO openl2m_stats;
GRANT SELECT (timestamp, type, action, switch_id, user_id) ON switches_log TO openl2m_stats;
GRANT SELECT (name, value) ON counters_counter TO openl2m_stats;
COMMIT;
