-- An API that nobody provides or requires any more is forgotten. Each table is asked on its own: a condition over both
-- together would be false as soon as one of them is empty.

DROP TRIGGER IF EXISTS api_provider_cleanup;
DROP TRIGGER IF EXISTS api_requirer_cleanup;

CREATE TRIGGER api_provider_cleanup AFTER DELETE ON api_provider
WHEN NOT EXISTS (SELECT 1 FROM api_provider p WHERE p.group_name = OLD.group_name AND p.version = OLD.version AND p.kind = OLD.kind)
    AND NOT EXISTS (SELECT 1 FROM api_requirer r WHERE r.group_name = OLD.group_name AND r.version = OLD.version AND r.kind = OLD.kind)
BEGIN
    DELETE FROM api WHERE group_name = OLD.group_name AND version = OLD.version AND kind = OLD.kind;
END;

CREATE TRIGGER api_requirer_cleanup AFTER DELETE ON api_requirer
WHEN NOT EXISTS (SELECT 1 FROM api_provider p WHERE p.group_name = OLD.group_name AND p.version = OLD.version AND p.kind = OLD.kind)
    AND NOT EXISTS (SELECT 1 FROM api_requirer r WHERE r.group_name = OLD.group_name AND r.version = OLD.version AND r.kind = OLD.kind)
BEGIN
    DELETE FROM api WHERE group_name = OLD.group_name AND version = OLD.version AND kind = OLD.kind;
END;
