-- What an accepted artifact was made of is known by its content: what its data sets were called, by the plan that made it.

ALTER TABLE mixtures ALTER COLUMN dataset DROP NOT NULL;
COMMENT ON COLUMN mixtures.dataset IS 'The data set''s name in the lineage file; null of an accepted artifact whose own plan is not recorded.';
COMMENT ON COLUMN edges.role IS 'As what: parent (the model it starts from or evaluates), tokenizer, trunk, data:<name>; of an accepted artifact whose own plan is not recorded, data:<digits of its key>.';
