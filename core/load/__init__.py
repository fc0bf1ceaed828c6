"""From folders to declarations: import every project file and collect what it declares."""
