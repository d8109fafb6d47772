-- Run once, when the database of compose.yaml is made: a role that sees no account but the one set.
\set password `echo "$POSTGRES_PASSWORD"`
CREATE ROLE fw_mcp LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD :'password';
CREATE DATABASE fw_mcp OWNER fw_mcp ENCODING 'UTF8' TEMPLATE template0;
