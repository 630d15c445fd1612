"""placeholder"""
def extend(web_ui, control): pass
