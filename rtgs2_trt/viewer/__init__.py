"""``rtgs2 view``: a scene and its labels in a web browser, drawn here and shown there.

The browser's camera comes in (`browser_camera`), whose turn it is to be drawn is decided (`turns`), at how many pixels
(`frame_sizes`), one thread draws and labels (`drawing`), the result is painted in the client's mode (`painting`) and
shown beside buttons (`panel`) by a web server (`server`), which is viser's, closed to other sites (`guarded_server`).
Only the last three know viser, the library that the page comes from.
"""
