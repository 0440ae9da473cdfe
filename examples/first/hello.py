from wholestack import App

app = App()


@app.get("/hello/{name}")
def hello(name: str, shout: bool = False) -> str:
    greeting = f"Hello, {name}!"
    return greeting.upper() if shout else greeting
