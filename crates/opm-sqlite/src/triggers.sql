-- An API that nobody provides or requires any more is forgotten. Nor is it kept while one of the two tables is empty: other
-- tools of this format ask both tables in one join, and edits here leave the same rows as theirs. Lookups do not depend on
-- these rows: what a bundle provides is answered from its properties.

DROP TRIGGER IF EXISTS api_provider_cleanup;
DROP TRIGGER IF EXISTS api_requirer_cleanup;

CREATE TRIGGER api_provider_cleanup AFTER DELETE ON api_provider
WHEN NOT EXISTS (SELECT 1 FROM api_provider)
    OR NOT EXISTS (SELECT 1 FROM api_requirer)
    OR (
        NOT EXISTS (SELECT 1 FROM api_provider p WHERE p.group_name = OLD.group_name AND p.version = OLD.version AND p.kind = OLD.kind)
        AND NOT EXISTS (SELECT 1 FROM api_requirer r WHERE r.group_name = OLD.group_name AND r.version = OLD.version AND r.kind = OLD.kind)
    )
BEGIN
    DELETE FROM api_provider WHERE group_name = OLD.group_name AND version = OLD.version AND kind = OLD.kind;
    DELETE FROM api_requirer WHERE group_name = OLD.group_name AND version = OLD.version AND kind = OLD.kind;
    DELETE FROM api WHERE group_name = OLD.group_name AND version = OLD.version AND kind = OLD.kind;
END;

CREATE TRIGGER api_requirer_cleanup AFTER DELETE ON api_requirer
WHEN NOT EXISTS (SELECT 1 FROM api_provider)
    OR NOT EXISTS (SELECT 1 FROM api_requirer)
    OR (
        NOT EXISTS (SELECT 1 FROM api_provider p WHERE p.group_name = OLD.group_name AND p.version = OLD.version AND p.kind = OLD.kind)
        AND NOT EXISTS (SELECT 1 FROM api_requirer r WHERE r.group_name = OLD.group_name AND r.version = OLD.version AND r.kind = OLD.kind)
    )
BEGIN
    DELETE FROM api_provider WHERE group_name = OLD.group_name AND version = OLD.version AND kind = OLD.kind;
    DELETE FROM api_requirer WHERE group_name = OLD.group_name AND version = OLD.version AND kind = OLD.kind;
    DELETE FROM api WHERE group_name = OLD.group_name AND version = OLD.version AND kind = OLD.kind;
END;
